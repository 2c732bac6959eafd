/*
 * error_log.h
 *		Keeps what a session was shown in clear out of the server's log.
 */
#ifndef CSEC_CAPTURE_ERROR_LOG_H
#define CSEC_CAPTURE_ERROR_LOG_H

extern void csec_error_log_init(void);

#endif							/* CSEC_CAPTURE_ERROR_LOG_H */
