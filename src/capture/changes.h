/*
 * changes.h
 *		Records the rows that statements change in protected tables.
 */
#ifndef CSEC_CAPTURE_CHANGES_H
#define CSEC_CAPTURE_CHANGES_H

extern void csec_changes_emit(void);
extern void csec_changes_subabort(void);
extern void csec_changes_abort(void);

#endif							/* CSEC_CAPTURE_CHANGES_H */
