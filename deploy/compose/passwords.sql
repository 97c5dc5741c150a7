-- Runs once, when the Postgres of compose.yaml is made: passwords for orgsync's roles, and Temporal's databases.
\getenv owner OWNER_PASSWORD
\getenv worker WORKER_PASSWORD
\getenv operator OPERATOR_PASSWORD
\getenv temporal TEMPORAL_PASSWORD
ALTER ROLE orgsync_owner PASSWORD :'owner';
ALTER ROLE orgsync_worker PASSWORD :'worker';
ALTER ROLE orgsync_operator PASSWORD :'operator';
CREATE ROLE temporal LOGIN PASSWORD :'temporal';
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
