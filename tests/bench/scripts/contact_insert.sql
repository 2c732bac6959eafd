\set aid random(1, 100000)
SELECT name, phone, email FROM read_contact(:aid);
