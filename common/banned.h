/*
 * banned — library calls that cannot be told how large their output is. The
 * build puts this file in front of every translation unit (-include), so that
 * a use is a compile error. The headers that declare the names come first: a
 * name is poisoned from here on, not inside the system's own inline functions.
 */
#ifndef TANDEM_BANNED_H
#define TANDEM_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wchar.h>

#pragma GCC poison strcpy strcat sprintf vsprintf strtok gets

#endif
