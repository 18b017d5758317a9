/*
 * failpoint — a named place where a test can stop a process dead. In product
 * builds FAILPOINT("name") is nothing; builds with TANDEM_FAILPOINTS read:
 *
 *   TANDEM_FAILPOINT=name[:n]     act on the n-th pass (default 1)
 *   TANDEM_FAILPOINT_ACTION=stop  SIGSTOP instead of SIGKILL
 *   TANDEM_FAILPOINT_LOG=path     the name is appended and fsynced first
 *
 * Names: process.step ("apply.after_target"), no colon.
 */
#ifndef TANDEM_BASE_FAILPOINT_H
#define TANDEM_BASE_FAILPOINT_H

#ifdef TANDEM_FAILPOINTS
#define FAILPOINT(name) failpoint_pass(name)
#else
#define FAILPOINT(name) ((void)0)
#endif

/* Thread-safe. Called through FAILPOINT only. */
void failpoint_pass(const char *name);

#endif
