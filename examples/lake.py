"""Read a lake of exported states with DuckDB: each item as it is now, and what an item has been.

Usage: python examples/lake.py LAKE, such as `lake` or `s3://my-lake/sfn-cqrs`
"""

import sys

import duckdb

lake = sys.argv[1]
duckdb.sql(f"""
    CREATE VIEW states AS
    FROM read_parquet('{lake}/states/*/*.parquet')  -- a state may be there twice
    QUALIFY row_number() OVER (PARTITION BY tenant, type, code, version) = 1
""")
duckdb.sql("""
    CREATE VIEW items AS
    FROM states
    QUALIFY version = max(version) OVER (PARTITION BY tenant, type, code)
""")
for type_, items, versions in duckdb.sql("""
    SELECT type, count(DISTINCT (tenant, code)), count(*) FROM states GROUP BY ALL ORDER BY ALL
""").fetchall():
    print(f"{type_}: {items} items, {versions} states")
for code, total in duckdb.sql("""
    SELECT code, attributes->>'$.total' FROM items
    WHERE type = 'ORDER' AND NOT isDeleted ORDER BY ALL
""").fetchall():
    print(f"{code}: {total}")
