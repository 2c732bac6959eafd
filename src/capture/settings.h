/*
 * settings.h
 *		Settings that csec's work depends on, whichever way a session gets them.
 */
#ifndef CSEC_CAPTURE_SETTINGS_H
#define CSEC_CAPTURE_SETTINGS_H

#include "postgres.h"

extern void csec_settings_init(void);

/* Is this one of them? */
extern bool csec_setting_matters(const char *name);

/* The value of such a setting as a JSON object, palloc'd. */
extern char *csec_setting_detail(const char *name);

/* Something may have been set since the last look: tell what was. */
extern bool csec_settings_unsure;
extern void csec_settings_look(void);

/* set_config() is about to be called. */
extern void csec_settings_may_change(void);

/* What was set is on record already. */
extern void csec_settings_told(void);

/* The transaction ends. */
extern void csec_settings_end(void);

#endif							/* CSEC_CAPTURE_SETTINGS_H */
