-- Adds up the counts of all shards: DuckDB, Spark SQL and BigQuery run this as it stands.
-- "counts" is a table or a view of all the files that rivulet count wrote.
SELECT ngram, CAST(SUM(count) AS BIGINT) AS count FROM counts GROUP BY ngram
