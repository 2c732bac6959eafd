-- Who works on every server: the application, which may see everything, and a
-- reader who may read the tables but sees masks where there are any.
CREATE EXTENSION pg_walinspect;
CREATE ROLE app LOGIN;
CREATE ROLE reader LOGIN;
CREATE SCHEMA trail;
GRANT USAGE ON SCHEMA trail TO app, reader;
GRANT CREATE ON SCHEMA public TO app;
