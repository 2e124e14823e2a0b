"""Pure tensor maths: optical transfer function, forward model, estimation, plan, reconstructor."""
