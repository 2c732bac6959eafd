/*
 * trees.h
 *		Keeps the trees of statements out of messages.
 */
#ifndef CSEC_CAPTURE_TREES_H
#define CSEC_CAPTURE_TREES_H

extern void csec_trees_init(void);

#endif							/* CSEC_CAPTURE_TREES_H */
