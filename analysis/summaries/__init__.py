"""Tables and sentences that carry the claims.

verdict             the answer in words
pairs               both sides of a contrast, photo by photo
trials              cost, ends, chosen settings
searched            what the search saw
loss_weight         response to the weight between losses
pareto              fronts and the area they win
dynamics            how the two tasks pull while they learn
concepts            whether colouring uses the class
data_colors         colours of the data, errors of rules
unlearned           who colours no better than grey or one colour
pictures            small pictures side by side
examples            photos chosen by rule, scores by category

Imports `statistics`, `page.show`.
"""
