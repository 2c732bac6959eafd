/*
 * suspension.h
 *		csec.suspend_recording(): the lever for a bad night.
 */
#ifndef CSEC_CAPTURE_SUSPENSION_H
#define CSEC_CAPTURE_SUSPENSION_H

extern bool csec_recording_suspended(void);

#endif							/* CSEC_CAPTURE_SUSPENSION_H */
