-- The fields that csec ships: what users write as the type of a column.  Each
-- is csec.masked or csec.encrypted under the category of its name; others are
-- made alike, by a row in csec.category and a CREATE DOMAIN.

CREATE DOMAIN csec.person_name AS csec.masked(person_name);
CREATE DOMAIN csec.phone AS csec.masked(phone);
CREATE DOMAIN csec.email AS csec.masked(email);
CREATE DOMAIN csec.address AS csec.masked(address);
CREATE DOMAIN csec.birth_date AS csec.masked(birth_date);
CREATE DOMAIN csec.free_text AS csec.masked(free_text);
CREATE DOMAIN csec.plate AS csec.masked(plate);
COMMENT ON DOMAIN csec.person_name IS 'name of a person, Chinese or Latin';
COMMENT ON DOMAIN csec.phone IS 'telephone number';
COMMENT ON DOMAIN csec.email IS 'e-mail address';
COMMENT ON DOMAIN csec.address IS 'postal address';
COMMENT ON DOMAIN csec.birth_date IS 'date of birth, as text';
COMMENT ON DOMAIN csec.free_text IS 'notes and other text of any kind';
COMMENT ON DOMAIN csec.plate IS 'registration number of a vehicle';

-- Of core level: encrypted.
CREATE DOMAIN csec.id_card AS csec.encrypted(id_card);
CREATE DOMAIN csec.bank_card AS csec.encrypted(bank_card);
CREATE DOMAIN csec.passport AS csec.encrypted(passport);
CREATE DOMAIN csec.permit AS csec.encrypted(permit);
CREATE DOMAIN csec.account_number AS csec.encrypted(account_number);
CREATE DOMAIN csec.iban AS csec.encrypted(iban);
CREATE DOMAIN csec.ssn AS csec.encrypted(ssn);
CREATE DOMAIN csec.health AS csec.encrypted(health);
CREATE DOMAIN csec.biometric AS csec.encrypted(biometric);
CREATE DOMAIN csec.location AS csec.encrypted(location);
CREATE DOMAIN csec.secret AS csec.encrypted(secret);
CREATE DOMAIN csec.core_text AS csec.encrypted(core_text);
CREATE DOMAIN csec.card_check AS csec.encrypted(card_check);
COMMENT ON DOMAIN csec.id_card IS 'number of a resident identity card';
COMMENT ON DOMAIN csec.bank_card IS 'number of a bank card';
COMMENT ON DOMAIN csec.passport IS 'number of a passport';
COMMENT ON DOMAIN csec.permit IS 'number of a residence or travel permit';
COMMENT ON DOMAIN csec.account_number IS 'number of a bank account';
COMMENT ON DOMAIN csec.iban IS 'international bank account number';
COMMENT ON DOMAIN csec.ssn IS 'social security number';
COMMENT ON DOMAIN csec.health IS 'health data';
COMMENT ON DOMAIN csec.biometric IS 'biometric data, as text';
COMMENT ON DOMAIN csec.location IS 'where a person was';
COMMENT ON DOMAIN csec.secret IS 'passwords, tokens and the like';
COMMENT ON DOMAIN csec.core_text IS 'text of core level';
COMMENT ON DOMAIN csec.card_check IS 'card verification value or PIN: refuses to be stored';
