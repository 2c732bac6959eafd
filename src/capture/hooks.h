/*
 * hooks.h
 *		Puts csec between PostgreSQL and its work.
 */
#ifndef CSEC_CAPTURE_HOOKS_H
#define CSEC_CAPTURE_HOOKS_H

extern void csec_hooks_init(void);

#endif							/* CSEC_CAPTURE_HOOKS_H */
