-- The table that COPY FROM fills.
CREATE TABLE customers_in (LIKE seed INCLUDING ALL);
GRANT INSERT ON customers_in TO app;
