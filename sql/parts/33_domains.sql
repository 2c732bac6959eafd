-- The fields that csec ships: what users write as the type of a column.  Each
-- is csec.masked under the category of its name; others are made alike, by a
-- row in csec.category and a CREATE DOMAIN.

CREATE DOMAIN csec.person_name AS csec.masked(person_name);
CREATE DOMAIN csec.phone AS csec.masked(phone);
CREATE DOMAIN csec.email AS csec.masked(email);
CREATE DOMAIN csec.address AS csec.masked(address);
CREATE DOMAIN csec.id_card AS csec.masked(id_card);
CREATE DOMAIN csec.bank_card AS csec.masked(bank_card);
CREATE DOMAIN csec.birth_date AS csec.masked(birth_date);
CREATE DOMAIN csec.free_text AS csec.masked(free_text);
COMMENT ON DOMAIN csec.person_name IS 'name of a person, Chinese or Latin';
COMMENT ON DOMAIN csec.phone IS 'telephone number';
COMMENT ON DOMAIN csec.email IS 'e-mail address';
COMMENT ON DOMAIN csec.address IS 'postal address';
COMMENT ON DOMAIN csec.id_card IS 'number of a resident identity card';
COMMENT ON DOMAIN csec.bank_card IS 'number of a bank card';
COMMENT ON DOMAIN csec.birth_date IS 'date of birth, as text';
COMMENT ON DOMAIN csec.free_text IS 'notes and other text of any kind';
