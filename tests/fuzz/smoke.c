/*
 * smoke — runs a fuzz target without libFuzzer, for every build: its seeds (files of the directories that are given), and
 * mutations of them from a fixed seed. It finds what is plainly broken; the preset `fuzz` looks for the rest.
 *
 *   fuzz_signature-smoke RUNS DIRECTORY
 */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SEEDS_MAX = 64, INPUT_BYTES = 64 * 1024, CHANGES_MAX = 8 };

struct seeds {
    uint8_t *texts[SEEDS_MAX];
    size_t sizes[SEEDS_MAX];
    int count;
};

static uint64_t state = 0x9e3779b97f4a7c15U;

/* xorshift64*: the same inputs in every run */
static uint64_t below(uint64_t limit)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return limit ? (state * 0x2545f4914f6cdd1dU >> 16) % limit : 0;
}

static void read_seeds(struct seeds *seeds, const char *directory)
{
    DIR *files = opendir(directory);
    if (!files)
        return;
    for (struct dirent *entry; (entry = readdir(files)) && seeds->count < SEEDS_MAX;) {
        char path[PATH_MAX];
        (void)snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
        FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "re");
        uint8_t *text = file ? malloc(INPUT_BYTES) : NULL;
        if (text) {
            seeds->texts[seeds->count] = text;
            seeds->sizes[seeds->count++] = fread(text, 1, INPUT_BYTES / 2, file);
        }
        if (file)
            (void)fclose(file);
    }
    (void)closedir(files);
}

static size_t change(uint8_t *text, size_t size)
{
    size_t at = below(size + 1), len = below(16);
    switch (below(5)) {
    case 0: /* a bit */
        if (at < size)
            text[at] ^= (uint8_t)(1U << below(8));
        return size;
    case 1: /* cut */
        return at;
    case 2: /* drop */
        len = at + len > size ? size - at : len;
        memmove(text + at, text + at + len, size - at - len);
        return size - len;
    case 3: /* repeat */
        len = at + len > size ? size - at : len;
        if (size + len > INPUT_BYTES)
            return size;
        memmove(text + at + len, text + at, size - at);
        return size + len;
    default: /* another byte */
        if (at < size)
            text[at] = (uint8_t)below(256);
        return size;
    }
}

int main(int argc, char **argv)
{
    struct seeds seeds = {.count = 0};
    long runs = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    for (int i = 2; i < argc; i++)
        read_seeds(&seeds, argv[i]);
    if (seeds.count == 0 || runs <= 0) {
        (void)fprintf(stderr, "usage: %s RUNS DIRECTORY-OF-SEEDS\n", argv[0]);
        return 64;
    }
    for (int i = 0; i < seeds.count; i++)
        (void)LLVMFuzzerTestOneInput(seeds.texts[i], seeds.sizes[i]);
    uint8_t *text = malloc(INPUT_BYTES);
    for (long run = 0; text && run < runs; run++) {
        size_t from = below((uint64_t)seeds.count), size = seeds.sizes[from];
        memcpy(text, seeds.texts[from], size);
        for (uint64_t n = 1 + below(CHANGES_MAX); n > 0; n--)
            size = change(text, size);
        (void)LLVMFuzzerTestOneInput(text, size);
    }
    free(text);
    for (int i = 0; i < seeds.count; i++)
        free(seeds.texts[i]);
    (void)printf("%d seeds, %ld inputs\n", seeds.count, runs);
    return 0;
}
