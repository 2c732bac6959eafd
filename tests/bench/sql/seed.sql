-- 100,000 customers: pgbench's account with the fields of a person, the same
-- bytes on every server.  Never protected; the tables of the works copy it.
CREATE TABLE seed (
	aid int PRIMARY KEY,
	bid int NOT NULL,
	abalance int NOT NULL,
	name text NOT NULL,
	phone text NOT NULL,
	email text NOT NULL,
	filler char(84) NOT NULL DEFAULT ''
);
INSERT INTO seed (aid, bid, abalance, name, phone, email)
SELECT i, 1, 0,
	   (ARRAY['王','李','张','刘','陈','杨','赵','黄','周','吴'])[1 + i % 10]
	   || (ARRAY['伟','芳','娜','敏','静','丽','强','磊','军','洋'])[1 + i / 10 % 10],
	   '13' || lpad((i * 7919::bigint % 1000000000)::text, 9, '0'),
	   'customer' || i || '@example.com'
  FROM generate_series(1, 100000) i;
