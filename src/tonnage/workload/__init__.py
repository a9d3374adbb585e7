"""What is to be computed: model shapes, training jobs, serving loads."""

from tonnage.workload.model import Attention, Experts, LatentAttention, Model

__all__ = ["Attention", "Experts", "LatentAttention", "Model"]
