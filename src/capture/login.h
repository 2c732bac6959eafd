/*
 * login.h
 *		Notes who connects.
 */
#ifndef CSEC_CAPTURE_LOGIN_H
#define CSEC_CAPTURE_LOGIN_H

extern void csec_login_init(void);

#endif							/* CSEC_CAPTURE_LOGIN_H */
