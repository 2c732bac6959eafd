\set aid random(1, 100000)
SELECT name, phone, email FROM customers WHERE aid = :aid;
