/*
 * key_text.h
 *		A key as its file has it, or as a command prints it.            [FE]
 */
#ifndef CSEC_KEYS_KEY_TEXT_H
#define CSEC_KEYS_KEY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CSEC_ROOT_KEY_SIZE	32

/* How a key is written: hexadecimal digits, at most one line end behind them. */
#define CSEC_KEY_TEXT		(2 * CSEC_ROOT_KEY_SIZE)

/* False where the text is anything else: key then holds nothing of use. */
extern bool csec_key_text_get(const char *text, size_t len, uint8_t *key);

/* Writes CSEC_KEY_TEXT digits and a line end. */
extern void csec_key_text_put(char *text, const uint8_t *key);

#endif							/* CSEC_KEYS_KEY_TEXT_H */
