-- What csec finds of measures, in Chinese: findings are made of few forms, with
-- numbers, times and names in them.  What a person vouched for is his own words,
-- and settings are the same in any language.
CREATE TABLE csec.finding_form (
	position	int PRIMARY KEY,
	form		text NOT NULL,
	form_zh		text
);
COMMENT ON TABLE csec.finding_form IS 'internal: the forms of what csec finds of security measures, as regular expressions, and what takes their place in Chinese';
COMMENT ON COLUMN csec.finding_form.position IS 'the first one that a finding has counts; those above 100 are words in what it has become, and all count';
COMMENT ON COLUMN csec.finding_form.form_zh IS 'null in a database whose encoding has no Chinese characters: it has no Chinese twins either';
REVOKE ALL ON csec.finding_form FROM PUBLIC;

INSERT INTO csec.finding_form (position, form, form_zh) VALUES
	(1, '^masked; stored as text, as its category says$', pg_temp.title(E'\\xe68c89e585b6e7b1bbe588abe68ea9e7a081e698bee7a4baefbc8ce4bba5e69687e69cace5ad98e582a8')),
	(2, '^not encrypted: the table is observed only$', pg_temp.title(E'\\xe69caae58aa0e5af86efbc9ae8afa5e8a1a8e4bb85e5a484e4ba8ee8a782e5af9fe6a8a1e5bc8f')),
	(3, '^no value is stored$', pg_temp.title(E'\\xe5b09ae697a0e5ad98e582a8e580bc')),
	(4, '^made (.{10}), active$', pg_temp.title(E'\\x5c3120e7949fe68890efbc8ce4bdbfe794a8e4b8ad')),
	(5, '^csec[.]embedded_keys is on: keys lie in the data directory$', pg_temp.title(E'\\x637365632e656d6265646465645f6b65797320e5b7b2e590afe794a8efbc9ae5af86e992a5e5ad98e694bee59ca8e695b0e68daee79baee5bd95e4b8ad')),
	(6, '^from csec[.]key_directory or csec[.]key_command$', pg_temp.title(E'\\xe69da5e887aa20637365632e6b65795f6469726563746f727920e6889620637365632e6b65795f636f6d6d616e64')),
	(7, '^since (.{10})$', pg_temp.title(E'\\xe887aa205c3120e8b5b7')),
	(8, '^observed only, until it is enforced$', pg_temp.title(E'\\xe4bb85e8a782e5af9fefbc8ce79bb4e887b3e590afe794a8e68ea9e7a081')),
	(9, '^observed only, until (.{10})$', pg_temp.title(E'\\xe4bb85e8a782e5af9fefbc8ce887b3205c31')),
	(10, '^([0-9]+): (.*)$', pg_temp.title(E'\\x5c3120e4b8aaefbc9a5c32')),
	(11, '^PUBLIC has (.*)$', pg_temp.title(E'\\x5055424c494320e68ba5e69c89205c31')),
	(12, '^none$', pg_temp.title(E'\\xe697a0')),
	(13, '^([0-9]+) logins reach the table; nobody''s: (.*)$', pg_temp.title(E'\\x5c3120e4b8aae799bbe5bd95e8b4a6e58fb7e58fafe8aebfe997aee8afa5e8a1a8efbc9be697a0e5afb9e5ba94e4babae59198e79a84efbc9a5c32')),
	(14, '^([0-9]+) logins reach the table$', pg_temp.title(E'\\x5c3120e4b8aae799bbe5bd95e8b4a6e58fb7e58fafe8aebfe997aee8afa5e8a1a8')),
	(15, '^without an end: (.*)$', pg_temp.title(E'\\xe69caae8aebee69c9fe99990efbc9a5c31')),
	(16, '^all have one$', pg_temp.title(E'\\xe59d87e8aebee69c89e69c9fe99990')),
	(17, '^edited: (.*)$', pg_temp.title(E'\\xe69bbee8a2abe7afa1e694b9efbc9a5c31')),
	(18, '^all keyed codes fit$', pg_temp.title(E'\\xe68980e69c89e6a0a1e9aa8ce7a081e59d87e79bb8e7aca6')),
	(19, '^enforced by (.*)$', pg_temp.title(E'\\xe794b1205c3120e5bcbae588b6e689a7e8a18c')),
	(20, '^no module that checks passwords is loaded$', pg_temp.title(E'\\xe69caae58aa0e8bdbde6a380e69fa5e58fa3e4bba4e5bcbae5baa6e79a84e6a8a1e59d97')),
	(21, '^(password_encryption = .*); ([0-9]+) passwords; otherwise: (.*)$', pg_temp.title(E'\\x5c31efbc9b5c3220e4b8aae58fa3e4bba4efbc9be4bba5e585b6e4bb96e696b9e5bc8fe5ad98e582a8e79a84efbc9a5c33')),
	(22, '^(password_encryption = .*); ([0-9]+) passwords$', pg_temp.title(E'\\x5c31efbc9b5c3220e4b8aae58fa3e4bba4')),
	(23, '^no login has a password here$', pg_temp.title(E'\\xe6b2a1e69c89e799bbe5bd95e8b4a6e58fb7e59ca8e6ada4e8aebee69c89e58fa3e4bba4')),
	(24, '^([0-9]+) of ([0-9]+) without an end$', pg_temp.title(E'\\x5c3220e4b8aae4b8ade69c89205c3120e4b8aae69caae8aebee69c9fe99990')),
	(25, '^the file has errors, in line ([0-9]+)$', pg_temp.title(E'\\xe69687e4bbb6e69c89e99499e8afafefbc8ce8a781e7acac205c3120e8a18c')),
	(26, '^([0-9]+) rules, none of them$', pg_temp.title(E'\\xe585b1205c3120e69da1e8a784e58899efbc8ce59d87e697a0e6ada4e68385e586b5')),
	(27, '^all network rules ask for a certificate and a password$', pg_temp.title(E'\\xe68980e69c89e7bd91e7bb9ce799bbe5bd95e8a784e58899e59d87e8a681e6b182e8af81e4b9a6e5928ce58fa3e4bba4')),
	(28, '^the file has errors$', pg_temp.title(E'\\xe69687e4bbb6e69c89e99499e8afaf')),
	(29, '^all are hostssl$', pg_temp.title(E'\\xe59d87e4b8ba20686f737473736c')),
	(30, '^nobody is connected over the network$', pg_temp.title(E'\\xe5bd93e5898de697a0e7bd91e7bb9ce8bf9ee68ea5')),
	(31, '^([0-9]+) of ([0-9]+) network connections$', pg_temp.title(E'\\x5c3220e4b8aae7bd91e7bb9ce8bf9ee68ea5e4b8ade79a84205c3120e4b8aa')),
	(32, '^([0-9]+) files, the last one never; ([0-9]+) failures$', pg_temp.title(E'\\x5c3120e4b8aae69687e4bbb6efbc8ce4bb8ee69caae5bd92e6a1a3efbc9be5a4b1e8b4a5205c3220e6aca1')),
	(33, '^([0-9]+) files, the last one (.{16}); ([0-9]+) failures$', pg_temp.title(E'\\x5c3120e4b8aae69687e4bbb6efbc8ce69c80e8bf91e4b880e4b8aae4ba8e205c32efbc9be5a4b1e8b4a5205c3320e6aca1')),
	(34, '^(.*), supported until (.{10})$', pg_temp.title(E'\\x5c31efbc8ce694afe68c81e887b3205c32')),
	(35, '^recording is suspended$', pg_temp.title(E'\\xe8aeb0e5bd95e5b7b2e69a82e5819c')),
	(36, '^the sealer is running$', pg_temp.title(E'\\xe5b081e5ad98e8bf9be7a88be8bf90e8a18ce4b8ad')),
	(37, '^the sealer is not there$', pg_temp.title(E'\\xe5b081e5ad98e8bf9be7a88be4b88de5ad98e59ca8')),
	(38, '^the sealer is (.*)$', pg_temp.title(E'\\xe5b081e5ad98e8bf9be7a88be78ab6e68081efbc9a5c31')),
	(39, '^none in ([0-9.]+) days$', pg_temp.title(E'\\x5c3120e5a4a9e58685e697a0')),
	(40, '^([0-9]+), the last one (.{16})$', pg_temp.title(E'\\x5c3120e5a484efbc8ce69c80e8bf91e4b880e5a484e4ba8e205c32')),
	(41, '^never verified here$', pg_temp.title(E'\\xe4bb8ee69caae59ca8e6ada4e9aa8ce8af81')),
	(42, '^found true on (.{16})$', pg_temp.title(E'\\x5c3120e9aa8ce8af81e697a0e8afaf')),
	(43, '^found false on (.{16}), record (.*)$', pg_temp.title(E'\\x5c3120e9aa8ce8af81e4b88de7aca6efbc8ce8aeb0e5bd95e58fb7205c32')),
	(44, '^its attestation was edited behind csec''s back$', pg_temp.title(E'\\xe585b6e8af81e6988ee69bbee8a2abe7bb95e8bf87206373656320e7afa1e694b9')),
	(45, '^its attestation is over$', pg_temp.title(E'\\xe585b6e8af81e6988ee5b7b2e8bf87e69c89e69588e69c9f')),
	(46, '^nobody has vouched for it$', pg_temp.title(E'\\xe5b09ae697a0e4babae8af81e6988e')),
	(47, '([^ ,;]+), key ([^ ]*) version ([0-9]*) [(]([a-z_]*)[)]: ([0-9.]+) %', pg_temp.title(E'\\x5c31efbc8ce5af86e992a5205c3220e78988e69cac205c33efbc885c34efbc89efbc9a5c352025')),
	(48, 'line ([0-9]+): ([a-z0-9-]+)', pg_temp.title(E'\\xe7acac205c3120e8a18cefbc9a5c32')),
	-- the ways by which roles reach a table
	(49, '^superuser$', pg_temp.title(E'\\xe8b685e7baa7e794a8e688b7')),
	(50, '^owner$', pg_temp.title(E'\\xe68980e69c89e88085')),
	(51, '^member of its owner (.*)$', pg_temp.title(E'\\xe68980e69c89e88085205c3120e79a84e68890e59198')),
	(52, '^grant$', pg_temp.title(E'\\xe79bb4e68ea5e68e88e69d83')),
	(53, '^grant to PUBLIC$', pg_temp.title(E'\\xe68e88e4ba88205055424c4943')),
	(54, '^member of (.*)$', pg_temp.title(E'\\x5c3120e79a84e68890e59198')),
	(55, '^fails since (.{16}): (.*)$', pg_temp.title(E'\\xe887aa205c3120e8b5b7e5af86e992a5e69da5e6ba90e4b88de58fafe794a8efbc9a5c32')),
	(56, '^not asked since (.{16}), as csec[.]key_check_interval is 0$', pg_temp.title(E'\\xe887aa205c3120e8b5b7e69caae59091e5af86e992a5e69da5e6ba90e69fa5e8afa2efbc8ce59ba020637365632e6b65795f636865636b5f696e74657276616c20e4b8ba2030')),
	(57, '^does not open: (.*)$', pg_temp.title(E'\\xe697a0e6b395e68993e5bc80efbc9a5c31')),
	(58, '^the server has another root key than this database was made with$', pg_temp.title(E'\\xe69c8de58aa1e599a8e79a84e6a0b9e5af86e992a5e4b88de698afe5889be5bbbae69cace695b0e68daee5ba93e697b6e79a84e982a3e4b880e4b8aa')),
	(59, '^keys of customers are not used: (.*)$', pg_temp.title(E'\\xe5aea2e688b7e5af86e992a5e5819ce794a8efbc9a5c31')),
	(60, '([^ ,;]+), a key of each customer: ([0-9.]+) %', pg_temp.title(E'\\x5c31efbc8ce6af8fe4bd8de5aea2e688b7e59084e887aae79a84e5af86e992a5efbc9a5c322025')),
	-- words within what has become Chinese by one of those before, each in turn
	(101, coalesce(pg_temp.title(E'\\x706c61696eefbc8ce5af86e992a52020e78988e69cac20efbc88756e6b6e6f776eefbc89'), '^$'), pg_temp.title(E'\\xe6988ee69687')),
	(102, coalesce(pg_temp.title(E'\\xefbc88616374697665efbc89'), '^$'), pg_temp.title(E'\\xefbc88e4bdbfe794a8e4b8adefbc89')),
	(103, coalesce(pg_temp.title(E'\\xefbc88646563727970745f6f6e6c79efbc89'), '^$'), pg_temp.title(E'\\xefbc88e4bb85e794a8e4ba8ee8a7a3e5af86efbc89')),
	(104, coalesce(pg_temp.title(E'\\xefbc8864657374726f796564efbc89'), '^$'), pg_temp.title(E'\\xefbc88e5b7b2e99480e6af81efbc89')),
	(105, coalesce(pg_temp.title(E'\\xefbc88756e6b6e6f776eefbc89'), '^$'), pg_temp.title(E'\\xefbc88e69caae79fa5efbc89')),
	(106, coalesce(pg_temp.title(E'\\x5ee5b081e5ad98e8bf9be7a88be78ab6e68081efbc9a6661696c696e67'), '^$'), pg_temp.title(E'\\xe5b081e5ad98e8bf9be7a88be78ab6e68081efbc9ae587bae99499')),
	(107, coalesce(pg_temp.title(E'\\x5ee5b081e5ad98e8bf9be7a88be78ab6e68081efbc9a7061726b6564'), '^$'), pg_temp.title(E'\\xe5b081e5ad98e8bf9be7a88be78ab6e68081efbc9ae5b7b2e69a82e7a6bb')),
	(108, coalesce(pg_temp.title(E'\\x5ee5b081e5ad98e8bf9be7a88be78ab6e68081efbc9a7374617274696e67'), '^$'), pg_temp.title(E'\\xe5b081e5ad98e8bf9be7a88be78ab6e68081efbc9ae6ada3e59ca8e590afe58aa8')),
	(109, coalesce(pg_temp.title(E'\\x5ee5b081e5ad98e8bf9be7a88be78ab6e68081efbc9a73746f70706564'), '^$'), pg_temp.title(E'\\xe5b081e5ad98e8bf9be7a88be78ab6e68081efbc9ae5b7b2e5819ce6ada2')),
	(110, coalesce(pg_temp.title(E'\\x5ee5b081e5ad98e8bf9be7a88be78ab6e68081efbc9a6e6f74207468657265'), '^$'), pg_temp.title(E'\\xe5b081e5ad98e8bf9be7a88be4b88de5ad98e59ca8')),
	(111, ', a key of each customer: ', pg_temp.title(E'\\xefbc8ce6af8fe4bd8de5aea2e688b7e59084e887aae79a84e5af86e992a5efbc9a'));

CREATE FUNCTION csec.finding_zh(finding text) RETURNS text
	LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	made text;
	word csec.finding_form;
BEGIN
	SELECT regexp_replace(finding, f.form, f.form_zh, 'g') INTO made FROM csec.finding_form f WHERE f.position <= 100 AND finding ~ f.form ORDER BY f.position LIMIT 1;
	IF made IS NULL THEN
		RETURN finding;
	END IF;
	FOR word IN SELECT * FROM csec.finding_form f WHERE f.position > 100 ORDER BY f.position LOOP
		made := regexp_replace(made, word.form, word.form_zh, 'g');
	END LOOP;
	RETURN made;
END
$$;
REVOKE ALL ON FUNCTION csec.finding_zh(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION csec.finding_zh(text) TO csec_admin, csec_auditor, csec_officer;
COMMENT ON FUNCTION csec.finding_zh(text) IS 'internal: what csec found of a security measure, in Chinese where that has a form of its own';
