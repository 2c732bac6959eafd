/*
 * leaver.h
 *		Ends the sessions of logins that may not log in any more.
 */
#ifndef CSEC_CAPTURE_LEAVER_H
#define CSEC_CAPTURE_LEAVER_H

extern void csec_leaver_init(void);

#endif							/* CSEC_CAPTURE_LEAVER_H */
