/*
 * list_order.h
 *		Lists of values that are looked up in a btree.
 */
#ifndef CSEC_TYPES_LIST_ORDER_H
#define CSEC_TYPES_LIST_ORDER_H

extern void csec_list_order_init(void);

#endif							/* CSEC_TYPES_LIST_ORDER_H */
