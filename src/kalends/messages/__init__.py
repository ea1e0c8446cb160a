"""The outbox: mail and iMIP; knows its subject by kind and id only."""
