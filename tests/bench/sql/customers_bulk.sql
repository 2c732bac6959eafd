-- Customers (:bulk of them) that are all updated by one statement.  Updated once here,
-- so that the first round finds the same free space as the later ones.
CREATE TABLE customers_bulk (LIKE seed INCLUDING ALL);
INSERT INTO customers_bulk SELECT * FROM seed LIMIT :bulk;
UPDATE customers_bulk SET abalance = abalance;
GRANT SELECT, UPDATE ON customers_bulk TO app;
