GRANT SELECT, UPDATE ON pgbench_accounts, pgbench_tellers, pgbench_branches TO app;
GRANT INSERT ON pgbench_history TO app;
