"""The joint network and what each loss reaches.

joint_network       the paper's network, every departure a setting
convolution         convolutions that repeat to the bit
batch_norm          batch norm that holds for photos on white
losses              two losses and what each of them reaches

Imports the top-level modules of `trainables`.
"""
