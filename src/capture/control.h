/*
 * control.h
 *		Records of the control plane, and of denials.
 */
#ifndef CSEC_CAPTURE_CONTROL_H
#define CSEC_CAPTURE_CONTROL_H

#include "access/xlogdefs.h"

extern void csec_control_init(void);
extern XLogRecPtr csec_control_emit(const char *action, const char *object,
									const char *detail);
extern XLogRecPtr csec_control_emit_at_once(const char *action, const char *object,
											const char *detail);
extern XLogRecPtr csec_denial_emit(const char *action, const char *object,
								   const char *detail);

#endif							/* CSEC_CAPTURE_CONTROL_H */
