/*
 * main of every producer process: the build names the source type (CMakeLists.txt).
 */
#include "stream/producer.h"

extern const struct source_type PRODUCER_SOURCE;
int main(int argc, char **argv)
{
    return producer_run(&PRODUCER_SOURCE, argc, argv);
}
