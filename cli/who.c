/*
 * who — who says it: the account that runs the command, and the host.
 */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/command.h"

void command_who(char who[COMMAND_WHO_BYTES])
{
    char host[64] = "", path[1024];
    char *sudo = getenv("SUDO_USER");
    struct passwd user, *found = NULL;
    if (!sudo)
        (void)getpwuid_r(getuid(), &user, path, sizeof(path), &found);
    (void)gethostname(host, sizeof(host) - 1);
    (void)snprintf(who, COMMAND_WHO_BYTES, "%.40s@%.38s",
                   sudo    ? sudo
                   : found ? found->pw_name
                           : "somebody",
                   host);
}
