-- Three columns masked by views, in the two usual ways.
CREATE VIEW customers_left_right AS
SELECT aid, bid, abalance,
	   left(name, 1) || '**' AS name,
	   left(phone, 3) || '****' || right(phone, 4) AS phone,
	   left(email, 1) || '***@' || split_part(email, '@', 2) AS email,
	   filler
  FROM customers_big;

CREATE FUNCTION mask_name(value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF length(value) < 2 THEN
		RETURN '*';
	END IF;
	RETURN left(value, 1) || repeat('*', length(value) - 1);
END $$;

CREATE FUNCTION mask_phone(value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF length(value) < 8 THEN
		RETURN repeat('*', length(value));
	END IF;
	RETURN left(value, 3) || repeat('*', length(value) - 7) || right(value, 4);
END $$;

CREATE FUNCTION mask_email(value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	at int := position('@' IN value);
BEGIN
	IF at < 2 THEN
		RETURN repeat('*', length(value));
	END IF;
	RETURN left(value, 1) || repeat('*', at - 2) || substr(value, at);
END $$;

CREATE VIEW customers_plpgsql AS
SELECT aid, bid, abalance, mask_name(name) AS name, mask_phone(phone) AS phone,
	   mask_email(email) AS email, filler
  FROM customers_big;
GRANT SELECT ON customers_left_right, customers_plpgsql TO reader;
