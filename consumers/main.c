/*
 * main of every consumer process: the build names the handler type (CMakeLists.txt).
 */
#include "stream/consumer.h"

extern const struct handler_type CONSUMER_HANDLER;
int main(int argc, char **argv)
{
    return consumer_run(&CONSUMER_HANDLER, argc, argv);
}
