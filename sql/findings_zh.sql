-- What csec finds of measures, in Chinese: were this to fail, a Chinese page
-- would be in two languages, or put other words into somebody's mouth.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_zh_officer LOGIN IN ROLE csec_officer;
CREATE TABLE cust (id int PRIMARY KEY, name text, id_no text);
INSERT INTO cust VALUES (1, 'Li Na', '11010519491231002X');
SELECT csec.protect('cust', 'id', '{"name": "person_name", "id_no": "id_card"}');

-- each form is one that csec has, and none hides another
CREATE TABLE said (finding text);
INSERT INTO said VALUES ('masked; stored as text, as its category says'), ('not encrypted: the table is observed only'), ('no value is stored'),
	('aes-256-gcm, key data version 1 (active): 99.50 %; plain, key  version  (unknown): 0.50 %'),
	('aes-256-gcm, key data version 1 (decrypt_only): 50.00 %; sm4-ctr, key data version 2 (destroyed): 49.00 %; sm4-ctr, key k version 2 (unknown): 1.00 %'), ('made 2026-11-01, active'),
	('aes_256_gcm, a key of each customer: 100.00 %'), ('aes_256_gcm, a key of each customer: 98.00 %; aes_256_gcm, key data version 2 (active): 2.00 %'),
	('csec.embedded_keys is on: keys lie in the data directory'), ('from csec.key_directory or csec.key_command'),
	('since 2026-11-01'), ('observed only, until it is enforced'), ('observed only, until 2026-12-01'), ('2: a, postgres'),
	('PUBLIC has SELECT, UPDATE'), ('none'), ('7 logins reach the table'), ('7 logins reach the table; nobody''s: a, b'),
	('without an end: clerk'), ('all have one'), ('edited: permit 7'), ('all keyed codes fit'), ('enforced by passwordcheck'),
	('no module that checks passwords is loaded'), ('password_encryption = scram-sha-256; 3 passwords'), ('password_encryption = md5; 3 passwords; otherwise: a, b'),
	('no login has a password here'), ('2 of 3 without an end'), ('the file has errors, in line 7'), ('5 rules, none of them'), ('line 89: trust, line 91: md5'),
	('all network rules ask for a certificate and a password'), ('the file has errors'), ('all are hostssl'), ('line 91: host'),
	('nobody is connected over the network'), ('1 of 2 network connections'), ('0 files, the last one never; 3 failures'),
	('9 files, the last one 2026-11-01 10:00; 0 failures'), ('15.20 (Debian), supported until 2027-11-11'), ('recording is suspended'),
	('the sealer is running'), ('the sealer is not there'), ('the sealer is not there; no room'), ('the sealer is failing; no room'), ('the sealer is parked'),
	('the sealer is starting'), ('the sealer is stopped'), ('superuser'), ('owner'), ('member of its owner app'), ('grant'), ('grant to PUBLIC'), ('member of desk'), ('none in 90 days'), ('2, the last one 2026-11-01 10:00'),
	('never verified here'), ('found true on 2026-11-01 10:00'), ('found false on 2026-11-01 10:00, record 42'),
	('its attestation was edited behind csec''s back'), ('its attestation is over'), ('nobody has vouched for it'),
	('ssl = on, ssl_min_protocol_version = TLSv1.2'), ('fails since 2026-11-01 10:00: csec.key_command failed'),
	('not asked since 2026-11-01 10:00, as csec.key_check_interval is 0'),
	('does not open: key 7 version 1 is wrapped under key "k2", which this server does not have'), ('the server has another root key than this database was made with'),
	('keys of customers are not used: the directory of destroyed keys, "/k/destroyed", is not there');
SELECT finding, csec.finding_zh(finding) AS zh FROM said ORDER BY finding COLLATE "C";
SELECT f.form FROM csec.finding_form f WHERE NOT EXISTS (SELECT FROM said s WHERE s.finding ~ f.form
	AND NOT EXISTS (SELECT FROM csec.finding_form o WHERE o.position < f.position AND s.finding ~ o.form)) AND f.position <= 100;
SELECT f.form FROM csec.finding_form f WHERE f.position > 100 AND NOT EXISTS (SELECT FROM said s WHERE csec.finding_zh(s.finding) ~ f.form_zh);

-- all that is found here but settings; what a person said is as he said it
\c - regress_zh_officer
SELECT csec.attest('training', 'none', now() + interval '1 day') > 0 AS attested;
SELECT DISTINCT measure FROM csec.security_measures('cust') WHERE evidence <> 'attested' AND csec.finding_zh(finding) = finding ORDER BY 1;
SELECT "措施", regexp_replace("说明", '[0-9-]{10}', 'a day') AS "说明" FROM csec_zh."安全措施" WHERE "数据表" = 'cust'::regclass AND "措施" IN ('员工安全培训', '字段掩码已启用', '合作方数据协议') ORDER BY "措施" COLLATE "C";
SELECT content ->> '措施' AS measure, content ->> '说明' AS finding FROM csec.titled_record('cust', '1', NULL, NULL)
	WHERE content ->> '措施' IN ('员工安全培训', '合作方数据协议') ORDER BY (content ->> '措施') COLLATE "C";
SELECT v FROM csec.titled_record('cust', '1', NULL, NULL), jsonb_array_elements_text(content -> '授权途径') v WHERE v IN ('超级用户', '所有者', 'superuser', 'owner') GROUP BY v ORDER BY v COLLATE "C";
SELECT word, title_zh FROM csec.record_word WHERE word ~ '^key ' ORDER BY word COLLATE "C";
SELECT DISTINCT "密钥状态" FROM csec_zh."加密方式" WHERE "数据表" = 'cust'::regclass;
SELECT language, page LIKE '%>superuser<%' AS way_en, page LIKE '%>超级用户<%' AS way_zh FROM unnest(ARRAY['en', 'zh']) language, LATERAL (SELECT csec.customer_record_html('cust', '1', language => language) AS page) p;
SELECT language, page LIKE '%nobody has vouched for it%' AS en, page LIKE '%尚无人证明%' AS zh, page LIKE '%<td class="of-finding">none</td>%' AS as_said
	FROM unnest(ARRAY['en', 'zh', 'both']) language, LATERAL (SELECT csec.customer_record_html('cust', '1', language => language) AS page) p;
\c - postgres
DROP TABLE cust, said;
DROP ROLE regress_zh_officer;
