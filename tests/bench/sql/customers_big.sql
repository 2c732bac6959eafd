-- A million customers (or :big) to copy out.
CREATE TABLE customers_big (LIKE seed INCLUDING ALL);
INSERT INTO customers_big
SELECT c.aid + n * 100000, c.bid, c.abalance, c.name, c.phone, c.email, c.filler
  FROM generate_series(0, :big / 100000 - 1) n, seed c;
GRANT SELECT ON customers_big TO reader;
