"""What every endpoint builds on: view sets, serializers, problem documents, rates."""
