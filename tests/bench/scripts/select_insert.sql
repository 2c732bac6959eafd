\set aid random(1, 100000)
SELECT read_balance(:aid);
