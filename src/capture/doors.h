/*
 * doors.h
 *		What goes around the executor, and what edits csec itself.
 */
#ifndef CSEC_CAPTURE_DOORS_H
#define CSEC_CAPTURE_DOORS_H

extern void csec_doors_init(void);

#endif							/* CSEC_CAPTURE_DOORS_H */
