/*
 * guc.h
 *		All of csec's settings.
 */
#ifndef CSEC_UTIL_GUC_H
#define CSEC_UTIL_GUC_H

/* Bytes of csec.actor, csec.reason and csec.ticket. */
#define CSEC_CLAIM_MAX 256

typedef enum CsecUnsealedPolicy
{
	CSEC_UNSEALED_REFUSE,
	CSEC_UNSEALED_WARN
} CsecUnsealedPolicy;

typedef enum CsecStandbyReads
{
	CSEC_STANDBY_REFUSE,
	CSEC_STANDBY_MASKED_ONLY
} CsecStandbyReads;

typedef enum CsecConnections
{
	CSEC_CONNECTIONS_NONE,
	CSEC_CONNECTIONS_FAILED,	/* and replication */
	CSEC_CONNECTIONS_ALL
} CsecConnections;

extern bool csec_embedded_keys;
extern char *csec_key_directory;
extern char *csec_key_command;
extern int	csec_key_command_timeout;
extern int	csec_key_check_interval;	/* s; 0: at a reload alone */
extern char *csec_kek;
extern bool csec_alerts;
extern char *csec_alert_command;
extern int	csec_alert_command_timeout;
extern int	csec_suite;
extern int	csec_key_max_uses;
extern int	csec_subject_key_cache;
extern char *csec_tombstone_directory;
extern int	csec_max_key_age;
extern int	csec_audit_flush_interval;	/* ms */
extern int	csec_seal_delay;	/* ms */
extern int	csec_heartbeat_interval;	/* s; 0: none */
extern int	csec_flush_timeout; /* ms */
extern char *csec_sealing_key_directory;
extern int	csec_checkpoint_interval;	/* s */
extern char *csec_checkpoint_directory;
extern char *csec_checkpoint_command;
extern char *csec_sign_command;
extern int	csec_anchor_timeout;	/* s */
extern int	csec_max_unsealed;	/* MB */
extern int	csec_unsealed_policy;
extern int	csec_standby_reads;
extern int	csec_record_connections;
extern bool csec_dump_plain;
extern int	csec_probe_limit;
extern int	csec_probe_quota;
extern bool csec_allow_masked_dml;
extern int	csec_match_failures;
extern int	csec_match_window;	/* s */
extern int	csec_match_lock_time;	/* s */
extern int	csec_match_min_claims;
extern int	csec_token_clock_skew;	/* s */
extern int	csec_token_lifetime;	/* s */
extern bool csec_record_internal;
extern char *csec_actor;
extern char *csec_reason;
extern char *csec_ticket;

/* Has a text that may be left empty been set? */
static inline bool
csec_guc_is_set(const char *setting)
{
	return setting != NULL && setting[0] != '\0';
}

extern void csec_guc_init(void);

#endif							/* CSEC_UTIL_GUC_H */
