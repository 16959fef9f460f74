# %%
lr = 0.1

# %%
print(f"loss: {lr * 3:g}")
