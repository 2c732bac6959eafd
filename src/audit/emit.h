/*
 * emit.h
 *		Build one audit record and put it into the WAL.
 */
#ifndef CSEC_AUDIT_EMIT_H
#define CSEC_AUDIT_EMIT_H

#include "access/xlogdefs.h"

#include "audit/identity.h"
#include "audit/record.h"

/* Room that a record has without growing; chunked fields stay below it. */
#define CSEC_RECORD_ROOM (64 * 1024)

/* What a record needs beside its one or two long fields. */
#define CSEC_RECORD_OVERHEAD (CSEC_BODY_FIXED_SIZE + CSEC_IDENTITY_MAX + 1024)

extern void csec_emit_prepare(void);
extern void csec_emit_check_lag(void);
extern void csec_emit_trail_begins(XLogRecPtr lsn);

extern void csec_record_begin(CsecRecordKind kind, uint16 flags,
							  const CsecIdentity *identity);
extern void csec_record_add_flags(uint16 flags);
extern void csec_record_bytes(CsecTag tag, const void *data, size_t len);
extern void csec_record_text(CsecTag tag, const char *text);
extern void csec_record_u8(CsecTag tag, uint8 value);
extern void csec_record_u32(CsecTag tag, uint32 value);
extern void csec_record_u64(CsecTag tag, uint64 value);
extern void csec_record_varint(CsecTag tag, uint64 value);
extern uint8 *csec_record_open_field(CsecTag tag, size_t *room);
extern void csec_record_close_field(size_t len);
extern void csec_record_reserve(size_t size);
extern void csec_record_again(const uint8 *body, size_t len);
extern const uint8 *csec_record_built(size_t *len);
extern XLogRecPtr csec_record_emit(void);

extern void csec_emit_flush(XLogRecPtr lsn);

/*
 * Is the error that is on its way the one that csec_emit_flush() raised?  Who wants
 * what is told by errors on a standby, too, need not wait for that one again.
 */
extern bool csec_emit_refused(void);

/* It has arrived: its transaction, or subtransaction, was aborted. */
extern void csec_emit_refusal_over(void);
extern int64 csec_emit_session_start(void);
extern struct CsecStream *csec_emit_stream(void);

#endif							/* CSEC_AUDIT_EMIT_H */
