#!/bin/sh
# Makes the role that servers log in as. It owns nothing and may do nothing until `netra migrate` grants it two roles.
set -eu
psql --set ON_ERROR_STOP=1 --set password="$(cat /run/secrets/server)" --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE netra_server LOGIN NOINHERIT NOSUPERUSER NOBYPASSRLS PASSWORD :'password';
SQL
