# spark-submit merge-spark.py shards/ merged/: adds up the counts of a directory of files, into a directory of files.
import sys
from pathlib import Path

from pyspark.sql import SparkSession

shards, merged = sys.argv[1:]
spark = SparkSession.builder.appName("n-gram counts").getOrCreate()
spark.read.parquet(shards).createOrReplaceTempView("counts")
spark.sql(Path(__file__).with_name("merge.sql").read_text()).write.parquet(merged)
