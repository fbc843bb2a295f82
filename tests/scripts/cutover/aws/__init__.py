"""Tests of the sides of services on AWS: boto3's own calls, against moto."""
