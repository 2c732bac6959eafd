/*
 * client.h
 *		Emits what was read before a slow client holds it up.
 */
#ifndef CSEC_CAPTURE_CLIENT_H
#define CSEC_CAPTURE_CLIENT_H

extern void csec_client_init(void);

#endif							/* CSEC_CAPTURE_CLIENT_H */
