\set aid random(1, 100000)
SELECT abalance FROM customers WHERE aid = :aid;
