/*
 * service — what every long-running process has: signals, sd_notify(3),
 * a listener of its own for /livez, /readyz, /metrics, and exit codes.
 * SIGTERM and SIGINT set the stop flag: the loop finishes what it holds and
 * returns 0. SIGHUP asks for a reload of log level and limits.
 */
#ifndef TANDEM_BASE_SERVICE_H
#define TANDEM_BASE_SERVICE_H

#include <stdbool.h>

#include "base/err.h"

/*
 * listen: "127.0.0.1:0" (0 = any free port) or NULL for no listener. The
 * bound address is logged ("health listener", address) and given by
 * service_listen_address(). Returns 0, or -1 with ERR_FATAL (EX_UNAVAILABLE).
 */
int service_start(const char *process, const char *listen, struct err *err);
void service_stop(void); /* STOPPING=1, closes the listener */

bool service_stopping(void);     /* a stop was asked for; async-signal-safe flag */
void service_request_stop(void); /* the same as a SIGTERM, from inside */
bool service_take_reload(void);  /* true once for each SIGHUP */
const char *service_listen_address(void);

/* /readyz answers 503 with these words until ready; also STATUS= of systemd. Thread-safe; text is
 * copied (<= 255 bytes). */
void service_set_ready(bool ready, const char *why);
/*
 * One more thing without which this process is not ready, whatever the main loop believes: "kafka".
 * name: a literal, at most SERVICE_CHECKS_MAX of them; why: copied, needed when not ok. Thread-safe.
 * /readyz?verbose and /livez?verbose name each check: "[+]kafka ok", "[-]kafka failed: why".
 */
enum { SERVICE_CHECKS_MAX = 8 };
void service_set_check(const char *name, bool ok, const char *why);
/* To be called by the main loop at least every few seconds: feeds WATCHDOG=1; /livez turns 503
 * after 60 s of silence. */
void service_heartbeat(void);

/*
 * The process's exit code for an err (sysexits(3)): its own code, else by
 * kind: reject 65, retry 75, fatal 70; fenced = 4 (EXIT_FENCED).
 */
enum { EXIT_FENCED = 4 };
int service_exit_code(const struct err *err);

#endif
