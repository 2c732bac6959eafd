-- What the application calls instead of SELECT, where each read is inserted.
CREATE FUNCTION read_balance(p_aid int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	INSERT INTO trail.reads (reason, relation, subject)
	VALUES (current_setting('bench.reason', true), 'public.customers', p_aid);
	RETURN (SELECT abalance FROM public.customers WHERE aid = p_aid);
END $$;

CREATE FUNCTION read_contact(p_aid int, OUT name text, OUT phone text, OUT email text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	INSERT INTO trail.reads (reason, relation, subject)
	VALUES (current_setting('bench.reason', true), 'public.customers', p_aid);
	SELECT c.name, c.phone, c.email INTO name, phone, email
	  FROM public.customers c WHERE c.aid = p_aid;
END $$;

CREATE FUNCTION read_customers() RETURNS SETOF public.customers
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	INSERT INTO trail.reads (reason, relation, subject)
	SELECT current_setting('bench.reason', true), 'public.customers', aid
	  FROM public.customers;
	RETURN QUERY SELECT * FROM public.customers;
END $$;
