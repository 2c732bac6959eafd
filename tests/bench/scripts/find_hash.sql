\set id random(1, 100000)
SELECT id FROM secrets_hash WHERE found = '11010819' || lpad(:id::text, 12, '0');
