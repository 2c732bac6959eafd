/*
 * token_login.h
 *		csec.login(token): the person behind a login that several share.
 */
#ifndef CSEC_CAPTURE_TOKEN_LOGIN_H
#define CSEC_CAPTURE_TOKEN_LOGIN_H

#include "postgres.h"

#include "nodes/nodes.h"

/* Refuse what would leave one person's rows on a connection that others share. */
extern void csec_token_login_check_statement(Node *stmt);

#endif							/* CSEC_CAPTURE_TOKEN_LOGIN_H */
