/*
 * clock.h
 *		How much time has passed, whatever is done to the clock.
 *
 * Somebody may set the clock back by a day.  What waits for a delay must not
 * wait for that day.
 */
#ifndef CSEC_UTIL_CLOCK_H
#define CSEC_UTIL_CLOCK_H

#include "portability/instr_time.h"

/* Milliseconds since some moment; never 0, so that 0 can mean "not begun". */
static inline int64
csec_clock_ms(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) INSTR_TIME_GET_MILLISEC(now) + 1;
}

#endif							/* CSEC_UTIL_CLOCK_H */
