"""Turn facts into work orders, see to those that were put off, and to those that got lost."""
